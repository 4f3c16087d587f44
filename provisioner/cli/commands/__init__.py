"""One file for each command, or group of commands, loaded when it is called."""
