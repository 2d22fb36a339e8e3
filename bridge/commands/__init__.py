"""Commands: one file a subcommand of espcam-bridge; imported only when it runs."""
