"""Hosts on one machine, for tests of what crosses a network: each has its own name, network devices, processes, /dev/shm and
monotonic clock, by Linux's namespaces; other files are shared, as on a cluster. They are on one Ethernet, whose switch is the
first one's. The first one has no processes of its own: from there the others can be entered, and there mpirun is to be
started. Takes root, and Debian's iproute2, procps and util-linux.

    with hosts.Hosts(["alpha", "beta"], folder) as made:
        ring.run(program, 5, options, job=made.job({"alpha": 3, "beta": 2}))
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess

AGENT = pathlib.Path(__file__).with_name("hosts_rsh.sh")
CLOCK_STEP_S = 86400  # every host was started a day after the one before

# The first process of a host: it says when that is ready for the network. With processes of its own it waits for those that
# nobody else waits for, and all of them end with it.
HOLDER = """
set -e
[ $$ != 1 ] || mount -t proc proc /proc
mount -t tmpfs shm /dev/shm
mount --bind "$2" /etc/hosts
hostname "$1"
ip link set lo up
echo ready
[ $$ = 1 ] || exec sleep infinity
sleep infinity &
wait
"""


UNSHARE = ("unshare", "--net", "--uts", "--mount", "--ipc", "--time", "--fork", "--kill-child", "--propagation", "private")


def missing():
    """Why hosts can't be made here, or None."""
    if os.geteuid() != 0:
        return "only root may make hosts"
    for tool in ("ip", "nsenter", "ps", "unshare"):
        if shutil.which(tool) is None:
            return f"there is no {tool} (Debian: iproute2, procps, util-linux)"
    tried = subprocess.run([*UNSHARE, "--monotonic", "1", "--boottime", "1", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces here: {tried.stderr.strip()}"


def _call(*words):
    subprocess.run(list(map(str, words)), check=True, capture_output=True)


def _network_of(process_id):
    return ("nsenter", "--target", str(process_id), "--net")


def _children(process_id):
    return list(map(int, pathlib.Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()))


@dataclasses.dataclass
class Job:
    prefix: list  # words before the command
    options: list  # of mpirun
    environment: dict


class Hosts:
    def __init__(self, names, folder):
        """folder: for a file that stays while the hosts do."""
        self.names = names
        self.table = pathlib.Path(folder) / "hosts"
        self.holders = []
        self.process_ids = {}

    def __enter__(self):
        self.table.write_text("127.0.0.1 localhost\n" +
                              "".join(f"{self._address(i)} {name}\n" for i, name in enumerate(self.names)))
        try:
            for place, name in enumerate(self.names):
                self._start(place, name)
                self._connect(place, name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for holder in self.holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()
            holder.stderr.close()

    @staticmethod
    def _address(place):
        return f"10.77.0.{place + 1}"

    def _start(self, place, name):
        clock = str(place * CLOCK_STEP_S)
        own_processes = ["--pid"] if place > 0 else []
        words = [*UNSHARE, *own_processes, "--monotonic", clock, "--boottime", clock, "sh", "-c", HOLDER, "sh", name, str(self.table)]
        holder = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.holders.append(holder)
        if holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"host {name} doesn't start: {holder.stderr.read()}")
        self.process_ids[name] = _children(holder.pid)[0]

    def _connect(self, place, name):
        """Its own end of the cable is eth0; the other one is plugged into the first host's switch, which is its eth0."""
        own = self.process_ids[name]
        switch = self.process_ids[self.names[0]]
        if place == 0:
            _call(*_network_of(own), "ip", "link", "add", "eth0", "type", "bridge")
        else:
            _call(*_network_of(switch), "ip", "link", "add", f"port{place}", "type", "veth", "peer", "name", "eth0", "netns", own)
            _call(*_network_of(switch), "ip", "link", "set", f"port{place}", "master", "eth0", "up")
        _call(*_network_of(own), "ip", "address", "add", f"{self._address(place)}/24", "dev", "eth0")
        _call(*_network_of(own), "ip", "link", "set", "eth0", "up")

    @staticmethod
    def _inside(process_id):
        return ("nsenter", "--target", str(process_id), "--net", "--uts", "--mount", "--ipc", "--time", "--pid")

    def command_on(self, name, words):
        return [*self._inside(self.process_ids[name]), *map(str, words)]

    def job(self, slots):
        """For ring.run: how jobs/launch.sh is started on the first host, with so many ranks on each host. slots: by name."""
        return Job(prefix=self.command_on(self.names[0], []),
                   options=["--mca", "plm_rsh_agent", str(AGENT), "-H", ",".join(f"{name}:{n}" for name, n in slots.items())],
                   environment={"TEST_HOSTS": " ".join(f"{name}={number}" for name, number in self.process_ids.items())})

    def processes(self, name):
        """Of a host but the first: what runs there beside the host itself."""
        listed = subprocess.run(self.command_on(name, ["ps", "-eo", "pid=,args="]), capture_output=True, text=True, check=True)
        lines = (line.split(None, 1) for line in listed.stdout.splitlines())
        return [words for number, words in lines if int(number) != 1 and not words.startswith(("sleep infinity", "ps "))]

    def shared_memory(self, name):
        """Files in its /dev/shm."""
        return subprocess.run(self.command_on(name, ["ls", "-A", "/dev/shm"]), capture_output=True, text=True, check=True).stdout.split()
