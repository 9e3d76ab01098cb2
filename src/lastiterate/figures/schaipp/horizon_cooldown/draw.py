"""horizon_cooldown: a trained run extended with the same cooldown fraction, with an adapted one, and at a lowered learning rate."""

from lastiterate.draw import common as c
from lastiterate.figures.schaipp.extension_losses import extension_losses

COLOURS = {"first": c.CATEGORICAL[1], "same_lr": "#8C8C8C", "lowered_lr": c.CATEGORICAL[2], "adapted_cooldown": c.CATEGORICAL[0]}


def draw(tables, parameters):
    """Panels horizon_cooldown_MODEL."""
    for model in parameters["models"]:
        table = tables["curves"][tables["curves"].model_name == model]
        cooldown = table.groupby("extension").cooldown.first()
        names = {
            "first": "first run",
            "same_lr": f"same LR, cooldown {cooldown['same_lr']:g}",
            "lowered_lr": "LR lowered by theory",
            "adapted_cooldown": f"adapted cooldown {cooldown['adapted_cooldown']:g}",
        }
        yield f"horizon_cooldown_{model}", extension_losses(table, names, COLOURS)
