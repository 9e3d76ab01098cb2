"""lr_transfer: the optimal base learning rate of wsd against its cooldown fraction, relative to full decay."""

import numpy as np

from lastiterate.schedules import wsd
from lastiterate.transfer import transfer_base_lr
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables curve (log_ratio = ln gamma*(1) - ln gamma*(c)) and fits (log_ratio as a sum of coefficient * c^power)."""
    curve, fits = Rows(), Rows()
    cooldowns = np.linspace(0, 1, parameters["cooldown_count"])
    degree = parameters["degree"]
    if degree >= cooldowns.size:
        raise ValueError(f"degree={degree} must be below cooldown_count={cooldowns.size}: a polynomial needs more points than its degree")
    for shape in parameters["decay_shapes"]:
        for total_steps in parameters["total_steps"]:
            labels = {"decay_shape": shape, "total_steps": total_steps}
            full = wsd(total_steps, 1.0, shape)
            steps = np.maximum(cooldowns, 1 / (total_steps + 1)).tolist()  # c = 0 stands for a cooldown of one entry
            ratios = np.array([transfer_base_lr(wsd(total_steps, c, shape), full, grad_norm=parameters["grad_norm"]).factor for c in steps])
            log_ratio = np.log(ratios)
            coefficients = np.polyfit(cooldowns, log_ratio, degree)
            error = float(np.abs(np.polyval(coefficients, cooldowns) - log_ratio).max())
            curve.add(**labels, cooldown=cooldowns, log_ratio=log_ratio)
            fits.add(**labels, power=np.arange(degree, -1, -1), coefficient=coefficients, max_error=error)
    return {"curve": curve, "fits": fits}
