"""What a ring must answer, from the sorted ids alone: a second opinion on transcripts that say `# oracle`.

It shares nothing with the program but SHA-1 and the wording of the answers. For each command it works out the owner of a
key, its chain, the path along ideal fingers, and at each change of the ring which arcs change and how many pairs must
move: one for every member of a key's new chain that wasn't in the old one. Where a request enters must be given: random
members are the program's own.
"""

import hashlib
import json
import shlex

SUCCESSORS = 4


class Node:
    def __init__(self, rank, virtual, identity, name):
        self.rank, self.virtual, self.id, self.name = rank, virtual, identity, name
        self.incarnation = 1
        self.contact = None


def plural(count):
    return "" if count == 1 else "s"


def in_bytes(size):
    """As app/report/text.h writes bytes, up to a MiB."""
    if size < 1024:
        return f"{size:,} B"
    size /= 1024
    return f"{size:.2f} KiB" if size < 9.995 else f"{size:.1f} KiB" if size < 99.95 else f"{size:.0f} KiB"


class Oracle:
    """ids: by rank, lists of a rank's ids."""

    def __init__(self, ids, bits, replicas, eventual, initial):
        self.bits, self.replicas, self.eventual = bits, replicas, eventual
        several = len(ids[0]) > 1
        self.nodes = {}
        for rank, own in enumerate(ids):
            for virtual, identity in enumerate(own):
                name = f"@:{rank}#{virtual}" if several else f"@:{rank}"
                self.nodes[rank, virtual] = Node(rank, virtual, identity, name)
        self.virtual_count = len(ids[0])
        self.ring = []
        self.epoch = 1
        self.pairs = {}
        self.arc_epochs = {}  # by owner
        self.writes = self.operations = self.line = 0
        self.ring = self.sorted([node for node in self.nodes.values() if node.rank < initial])
        for node in self.nodes.values():
            if node not in self.ring:
                node.contact = self.contact_for(node)
        self.arc_epochs = {node: 1 for node in self.ring}

    # --- the ring ---

    def sorted(self, nodes):
        return sorted(nodes, key=lambda node: node.id)

    def contact_for(self, node):
        return self.ring[node.rank % len(self.ring)]

    def owner(self, identity, ring=None):
        ring = ring or self.ring
        return next((node for node in ring if node.id >= identity), ring[0])

    def chain(self, owner, ring=None):
        """The owner and the next nodes on other ranks."""
        ring = ring or self.ring
        at, chain = ring.index(owner), []
        for step in range(len(ring)):
            node = ring[(at + step) % len(ring)]
            if len(chain) < self.replicas and node.rank not in [member.rank for member in chain]:
                chain.append(node)
        return chain

    def predecessor(self, node, ring=None):
        ring = ring or self.ring
        return ring[ring.index(node) - 1]

    def distance(self, start, end):
        return (end - start) % (1 << self.bits)

    def successors(self, node):
        at = self.ring.index(node)
        count = min(SUCCESSORS, len(self.ring) - 1)
        return [self.ring[(at + step) % len(self.ring)] for step in range(1, count + 1)] or [node]

    def fingers(self, node):
        owners = {self.owner((node.id + (1 << i)) % (1 << self.bits)) for i in range(self.bits)} - {node}
        return sorted(owners, key=lambda owner: self.distance(node.id, owner.id))

    def key_id(self, key):
        return int.from_bytes(hashlib.sha1(key.encode()).digest(), "big") >> (160 - self.bits)

    def next_hop(self, node, identity):
        """None at the owner."""
        if node not in self.ring:
            return node.contact
        if node is self.owner(identity):
            return None
        successor = self.successors(node)[0]
        to_key = self.distance(node.id, identity)
        if to_key == 0 or to_key <= self.distance(node.id, successor.id):
            return successor
        known = [successor] + self.fingers(node)
        before = [one for one in known if self.distance(node.id, one.id) < to_key]
        return max(before, key=lambda one: self.distance(node.id, one.id))

    def path(self, entry, identity, stops=lambda node: False):
        path = [entry]
        while not stops(path[-1]) and (after := self.next_hop(path[-1], identity)) is not None:
            path.append(after)
        return path

    # --- answers ---

    def shown(self, node):
        return f"{node.name} ({self.hexadecimal(node.id)})"

    def hexadecimal(self, identity):
        return f"0x{identity:0{(self.bits + 3) // 4}x}"

    def listed(self, title, nodes):
        return f"  {title:11}  " + (", ".join(map(self.shown, nodes)) or "none")

    def node_given(self, text):
        text = text.removeprefix("@:")
        rank, _, virtual = text.partition("#")
        return int(rank), int(virtual) if virtual else None

    def entry(self, text):
        rank, virtual = self.node_given(text)
        return self.nodes[rank, virtual or 0]

    def fail(self, text):
        return f"chordkv: <stdin>:{self.line}: {text}"

    def answer(self, line):
        """The lines that the command prints."""
        self.line += 1
        words = shlex.split(line)
        return getattr(self, "do_" + words[0])(*words[1:])

    def operate(self, verb, key, entry, value=None):
        identity = self.key_id(key)
        chain = self.chain(self.owner(identity))
        early = self.eventual and verb == "query" and key in self.pairs
        path = self.path(self.entry(entry), identity, lambda node: early and node in chain)
        self.operations += 1
        self.writes += verb != "query"
        answered = path[-1] if self.eventual else chain[-1]
        hops = f"({len(path) - 1} hop{plural(len(path) - 1)})"
        old = self.pairs.get(key)
        if verb == "insert":
            self.pairs[key] = value
            what = f"inserted with value:{value}" if old is None else f"updated to value:{value}"
            return [f"Key:{key} {what} at node:{chain[0].name} {hops}"]
        if old is None:
            return [f"Key:{key} not found at node:{answered.name} {hops}"]
        if verb == "query":
            return [f"Key:{key} has value:{old} found at node:{answered.name} {hops}"]
        del self.pairs[key]
        return [f"Key:{key} deleted at node:{chain[0].name} {hops}"]

    def do_insert(self, key, value, entry):
        return self.operate("insert", key, entry, value)

    def do_delete(self, key, entry):
        return self.operate("delete", key, entry)

    def do_query(self, key, entry=None):
        if key != "*":
            return self.operate("query", key, entry)
        lines = []
        for node in self.ring:
            lines.append(f"Node:{self.shown(node)}")
            own = sorted(key for key in self.pairs if self.owner(self.key_id(key)) is node)
            lines += [f"  Key:{key} has value:{self.pairs[key]}" for key in own]
        count = len(self.pairs)
        return lines + [f"{count} pair{plural(count)} on {len(self.ring)} node{plural(len(self.ring))}"]

    def do_overlay(self, entry):
        first = self.entry(entry)
        while first not in self.ring:
            first = first.contact
        at = self.ring.index(first)
        objects = [json.dumps({"node_id": self.hexadecimal(node.id), "address": node.name, "rank": node.rank,
                               "virtual_node": node.virtual}) for node in self.ring[at:] + self.ring[:at]]
        return ['{"topology": ['] + [f"  {one}," for one in objects[:-1]] + [f"  {objects[-1]}", "]}"]

    def do_route(self, key, entry):
        identity = self.key_id(key)
        path = self.path(self.entry(entry), identity)
        hops = len(path) - 1
        lines = [f"Key:{key} with id {self.hexadecimal(identity)}: {hops} hop{plural(hops)}"]
        for step, node in enumerate(path):
            lines.append(f"  {step:3}  rank {node.rank:<5}  {self.shown(node)}" + ("  owner" if step == hops else ""))
        return lines

    def info_of(self, node):
        lines = [f"Node {node.name}", f"  state        {'member' if node in self.ring else 'spare'}",
                 f"  id           {self.hexadecimal(node.id)}", f"  rank         {node.rank}", "  host         @",
                 f"  incarnation  {node.incarnation}"]
        if node not in self.ring:
            return lines + [self.listed("contact", [node.contact])]
        before = self.predecessor(node)
        held = {key: chain for key in self.pairs if node in (chain := self.chain(self.owner(self.key_id(key))))}
        owned = sum(chain[0] is node for chain in held.values())
        size = sum(len(key) + len(self.pairs[key]) for key in held)
        return lines + [self.listed("predecessor", [before]), self.listed("successors", self.successors(node)),
                        self.listed("fingers", self.fingers(node)),
                        f"  arc          ({self.hexadecimal(before.id)}, {self.hexadecimal(node.id)}]",
                        self.listed("chain", self.chain(node)),
                        f"  keys         {owned} as owner, {len(held) - owned} as replica, {in_bytes(size)}",
                        f"  epoch        {self.arc_epochs[node]}"]

    def do_info(self, given):
        rank, virtual = self.node_given(given)
        chosen = range(self.virtual_count) if virtual is None else [virtual]
        return [line for v in chosen for line in self.info_of(self.nodes[rank, v])]

    # --- changes of the ring ---

    def arcs(self, ring):
        """By owner, what an arc is: where it begins, and who serves it."""
        return {node: (self.predecessor(node, ring), [(one, one.incarnation) for one in self.chain(node, ring)])
                for node in ring}

    def change(self, joins, given):
        rank, virtual = self.node_given(given)
        chosen = [self.nodes[rank, v] for v in (range(self.virtual_count) if virtual is None else [virtual])]
        whole = len(chosen) > 1
        name = f"@:{rank}" if whole else chosen[0].name
        verb = "join" if joins else "depart"
        if any((node in self.ring) == joins for node in chosen):
            state = "it is in the ring already" if joins else "it is not in the ring"
            return [self.fail(f"node {name} can't {verb}: {state}")]
        if not joins and set(self.ring) <= set(chosen):
            return [self.fail(f"node {name} can't depart: it is the last member: its data would have nowhere to go")]
        before, old_arcs = self.ring, self.arcs(self.ring)
        self.ring = self.sorted(before + chosen if joins else [node for node in before if node not in chosen])
        self.epoch += 1
        new_arcs = self.arcs(self.ring)
        changed = [node for node in self.ring if old_arcs.get(node) != new_arcs[node]]
        for node in changed:
            self.arc_epochs[node] = self.epoch
        moved = size = 0
        for key, value in self.pairs.items():
            identity = self.key_id(key)
            old = self.chain(self.owner(identity, before), before)
            new = self.chain(self.owner(identity))
            count = len([node for node in new if node not in old])
            moved += count
            size += count * (len(key) + len(value))
        if not joins:
            for node in chosen:
                node.incarnation += 1
                node.contact = self.contact_for(node)
        who = f"The {len(chosen)} nodes of {name} have" if whole else f"Node {name} has"
        return [f"{who} {'joined' if joins else 'departed'}: epoch {self.epoch}, {len(changed)} arc{plural(len(changed))}, "
                f"{moved} pair{plural(moved)} moved ({in_bytes(size)}), wedged <T> at most, <N> messages"]

    def do_join(self, given):
        return self.change(True, given)

    def do_depart(self, given):
        return self.change(False, given)

    def verdict(self):
        model = self.writes if self.eventual else self.operations
        copies = min(self.replicas, len({node.rank for node in self.ring}))
        return (f"VALID: {model} answer{plural(model)} compared with the model, {self.operations} judged by T1, {copies} "
                f"cop{'y' if copies == 1 else 'ies'} of {len(self.pairs)} pair{plural(len(self.pairs))} on the right nodes")


def predict(oracle, commands):
    """The whole transcript of a session that reads these lines and their end."""
    lines = []
    for command in commands:
        lines.append(f"chordkv> {command}")
        lines += oracle.answer(command)
    return lines + ["chordkv> ", oracle.verdict()]
