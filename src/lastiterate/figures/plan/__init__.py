"""What plans and transferred learning rates lose on sweeps whose outcome is known."""
