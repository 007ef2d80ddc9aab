"""Print the score of each mutated file from `mutmut results --all true` on standard input.

A file below the floor fails the run; the rest of its survivors change nothing that can be seen
(CONTRIBUTING.md). A mutant that no test reached counts as one that survived.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

#: Percent of a file's mutants that its tests must notice.
FLOOR = 97
NOTICED = ("killed", "timeout", "caught by type check", "segfault")

counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
survivors: list[str] = []
for line in sys.stdin:
    name, found, status = line.strip().rpartition(": ")
    if not found:
        continue
    module = name.rpartition(".")[0]
    counts[module][status] += 1
    if status not in NOTICED:
        survivors.append(f"{status}: {name}")

if not counts:
    sys.exit("no mutants: mutmut did not run")
low = False
print("\n".join(survivors))
for module, statuses in sorted(counts.items()):
    noticed = sum(statuses[status] for status in NOTICED)
    score = 100 * noticed / statuses.total()
    low = low or score < FLOOR
    print(f"{module}: {noticed} of {statuses.total()} mutants noticed ({score:.1f} %)")
sys.exit(f"a file is below {FLOOR} %" if low else 0)
