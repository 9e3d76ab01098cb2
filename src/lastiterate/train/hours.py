"""What a plan costs, rule by rule, before anything is trained."""

from lastiterate.train.plan import KINDS, Run


def hours_of(run: Run, config: dict) -> float:
    """Hours of the run's own updates at the config's speed: GPU hours where it asks for GPUs, else core hours."""
    cluster = config["cluster"]
    return run.updates / cluster["updates_per_second"][run.model] / 3600 * max(cluster["gpus"], 1)


def plan_summary(runs: dict[str, Run], config: dict) -> str:
    """Table of the plan: for each rule its runs, their updates and hours."""
    unit = "GPU hours" if config["cluster"]["gpus"] else "core hours"
    lines = [f"plan of train={config['name']}: {config['description']}", f"  {'rule':<18}{'runs':>6}{'updates':>12}{unit:>12}"]
    rows = [(f"train_{kind}", [run for run in runs.values() if run.kind == kind]) for kind in KINDS]
    for name, group in [*rows, ("all", list(runs.values()))]:
        if group:
            lines.append(
                f"  {name:<18}{len(group):>6}{sum(r.updates for r in group):>12,}{sum(hours_of(r, config) for r in group):>12,.1f}"
            )
    longest = max(runs.values(), key=lambda run: hours_of(run, config))
    lines.append(f"  longest: {longest.run_id}, {hours_of(longest, config) / max(config['cluster']['gpus'], 1):,.1f} h on the clock")
    return "\n".join(lines)
