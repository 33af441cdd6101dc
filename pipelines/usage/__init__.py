"""The command line as a user meets it: the flags of a verb, their help, and what is wrong with arguments."""
