"""The demo company: a seeded simulator that writes extracts, and the truths it planted.

`company` who and what there is, `funnel` leads and opportunities, `orders` what is ordered, `plant`
how it is made, `delivery` what is promised and shipped, `people` objectives and the rest, `money`
rates and costs; `sheets` all of it as the entities of `standard`, `extracts` as files, `dirt` what
is wrong with them; `truth` what a reader of the files should be able to find again.
The same arguments give the same bytes; nothing reads the clock. Each planted truth has a switch;
switched off it leaves the other truths alone.

Run it: `python -m assets.demo --home data`.
"""

from assets.demo.simulation import simulate

__all__ = ["simulate"]
