"""A Slurm of one's own for the time of a test: munged, slurmctld and two slurmd, all of this user, in a scratch folder with
their own key, socket, ports and logs. The two nodes, n1 and n2, are this host. Services of the system aren't touched.

    with private_slurm.Slurm(folder) as slurm:
        job = slurm.submit(["-n", "4", "jobs/toychord.sbatch"], directory, output)
        ended = slurm.wait(job, 60)
"""

from __future__ import annotations

import ctypes
import getpass
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

START_SECONDS = 60
POLL_SECONDS = 0.1
NODES = ("n1", "n2")
SLOTS = 5  # of each node, whatever this host has: two or three small jobs run side by side
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "sinfo", "scancel")

CONFIGURATION = """\
ClusterName=chordkv-test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=1,sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={slots} State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={slots} State=UNKNOWN
PartitionName=test Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


class Failure(Exception):
    """Slurm didn't do what it was asked for; the text has its logs."""


@dataclass
class Ended:
    state: str
    status: int
    seconds: int  # from its start to its end


def missing() -> list[str]:
    """Programs that aren't here; Debian has them in slurm-wlm and munge."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for held in sockets:
        held.bind(("127.0.0.1", 0))
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def _end_with_parent() -> None:
    """In the child: a daemon must not outlive a test that was killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _run_time(text: str) -> int:
    """Seconds of H:M:S."""
    hours, minutes, seconds = text.split("-")[-1].split(":")
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds)


class Slurm:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.daemons: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.jobs: list[str] = []
        self.configuration = folder / "slurm.conf"
        # Nothing of a Slurm around us, or of a job that we may run in, shall be mixed up with ours.
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("SLURM_", "SBATCH_", "CHORDKV_", "OMPI_", "PMIX_"))}
        # mpirun takes neither node for its own host, so rank 0 isn't its child and can't end it after a death: launch.sh does.
        self.environment["LAUNCH_PATIENCE"] = "0.5"
        self.environment["SLURM_CONF"] = str(self.configuration)
        self.environment["PATH"] = self.environment.get("PATH", "") + ":/usr/sbin"

    def __enter__(self) -> Slurm:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    # --- Start and stop -----------------------------------------------------------------------------------------------

    def _daemon(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.out", "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
                                       env=self.environment, preexec_fn=_end_with_parent, start_new_session=True)
        self.daemons.append((name, process))

    def _await(self, what: str, ready) -> None:
        end = time.monotonic() + START_SECONDS
        while not ready():
            for name, process in self.daemons:
                if process.poll() is not None:
                    raise Failure(f"{name} ended with status {process.returncode}\n{self.logs()}")
            if time.monotonic() > end:
                raise Failure(f"{what} isn't there after {START_SECONDS} s\n{self.logs()}")
            time.sleep(POLL_SECONDS)

    def _start(self) -> None:
        munge = self.folder / "munge"
        for path in (munge, self.folder / "state", *(self.folder / f"spool-{node}" for node in NODES)):
            path.mkdir(mode=0o700)
        key = munge / "key"
        key.touch(mode=0o400)
        key.chmod(0o600)
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        self.configuration.write_text(CONFIGURATION.format(
            folder=self.folder, host=socket.gethostname().split(".")[0], user=getpass.getuser(), slots=SLOTS,
            ports=_free_ports(1 + len(NODES))))
        self._daemon("munged", "munged", "--foreground", "--force", "--num-threads=2", f"--key-file={key}",
                     f"--socket={munge}/socket", f"--pid-file={munge}/pid", f"--log-file={munge}/log",
                     f"--seed-file={munge}/seed")
        self._await("munged's socket", (munge / "socket").exists)
        self._daemon("slurmctld", "slurmctld", "-D", "-c")
        self._await("slurmctld", lambda: self.ask("scontrol", "ping").returncode == 0)
        for node in NODES:
            self._daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node)
        self._await("a node", lambda: self.ask("sinfo", "-h", "-N", "-o", "%T").stdout.split() == ["idle"] * len(NODES))

    def ours(self) -> list[int]:
        """Processes that know this Slurm's configuration: daemons, jobs and whatever they started."""
        found = []
        mark = f"SLURM_CONF={self.configuration}".encode()
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int(entry.name) != os.getpid() and \
                        mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    def _stop(self) -> None:
        """Cancels what still runs, ends the daemons in the reverse order, and then whatever is left of ours."""
        if self.jobs:
            self.ask("scancel", "--signal=KILL", "--full", *self.jobs)
        for name, process in reversed(self.daemons):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for process_id in self.ours():
            try:
                os.kill(process_id, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def logs(self) -> str:
        text = ""
        for path in sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out"), *self.folder.glob("munge/log")]):
            lines = path.read_text("utf-8", "replace").splitlines()
            text += f"--- {path.name}\n" + "".join(line + "\n" for line in lines[-15:])
        return text

    # --- Jobs ---------------------------------------------------------------------------------------------------------

    def ask(self, *command: str, directory: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=30, check=False,
                                  stdin=subprocess.DEVNULL, cwd=directory)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", "no answer within 30 s")

    def submit(self, arguments: list[str], directory: pathlib.Path, output: pathlib.Path) -> str:
        """The number of the submitted job, whose output goes to the file (which may have %a)."""
        done = self.ask("sbatch", "--parsable", f"--output={output}", *arguments, directory=directory)
        if done.returncode != 0:
            raise Failure(f"sbatch {' '.join(arguments)}: {done.stderr}")
        self.jobs.append(done.stdout.strip())
        return self.jobs[-1]

    def wait(self, job: str, seconds: float) -> Ended:
        """How a job, or the worst task of an array, ended."""
        start = time.monotonic()
        over = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")
        while True:
            done = self.ask("scontrol", "-o", "show", "job", job)
            tasks = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in done.stdout.splitlines()]
            states = [task.get("JobState", "") for task in tasks]
            if tasks and all(state in over for state in states):
                worst = max(tasks, key=lambda task: task["JobState"] != "COMPLETED")
                return Ended(worst["JobState"], int(worst["ExitCode"].split(":")[0]), _run_time(worst["RunTime"]))
            if time.monotonic() - start > seconds:
                raise Failure(f"job {job} is {states} after {seconds} s\n{done.stdout}{done.stderr}{self.logs()}")
            time.sleep(POLL_SECONDS)
