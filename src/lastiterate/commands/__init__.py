"""Commands of the command line `lastiterate`: one module each, with add_arguments(parser) and run(arguments)."""
