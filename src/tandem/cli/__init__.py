"""The command line: a file per noun, over `tandem.client`."""
