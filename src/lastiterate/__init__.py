"""Last-iterate convergence bounds and learning-rate schedules.

Rooms, from the numerics up: `schedules` (integer phases to the vector of learning rates that updates
1..T execute, and in its `export` to the settings of trainers),
`bound` (Omega and its tuned base learning rate), `worst_case` (exactly what Omega bounds),
`qualify` (whether Omega falls like 1/sqrt(T)), `transfer` (of a tuned base learning rate to other schedules and
horizons), `refine` (gradient norms to a schedule), `sgd` (small models really trained, many runs at once), `laws`
(loss curves from schedules), `plan` (pilot runs to the schedule of the real run), `logs` (readers to one schema), `train`
(language models that execute the schedules; extra `train`), `explorer` (a piece of a page on which a schedule is bent), `pages` (a plan
and logs to look into; extra `html`), `workflow` (what the rules stand on), `draw` (style, colours, legends),
`figures` (a folder for each paper and figure family), and `cli` with its `commands`.
"""

__version__ = "0.1.0"
