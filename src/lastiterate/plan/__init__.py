"""From pilot runs to the schedule of the real run: what the logs identify, a law, a choice, and what it is expected to reach."""

from lastiterate._extras import optional

with optional():
    from lastiterate.plan.candidates import Candidate
    from lastiterate.plan.choose import Choice, choose
    from lastiterate.plan.compare import Compared, compare
    from lastiterate.plan.curves import pilot_curves
    from lastiterate.plan.evidence import Question, questions
    from lastiterate.plan.load import load_pilots, table_pilots
    from lastiterate.plan.pilots import Pilot
    from lastiterate.plan.planner import Plan, TooThin, make_plan
    from lastiterate.plan.plausible import Member, Plausible, plausible

__all__ = [
    "Candidate",
    "Choice",
    "Compared",
    "Member",
    "Pilot",
    "Plan",
    "Plausible",
    "Question",
    "TooThin",
    "choose",
    "compare",
    "load_pilots",
    "make_plan",
    "pilot_curves",
    "plausible",
    "questions",
    "table_pilots",
]
