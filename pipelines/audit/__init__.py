"""Are a data set's labels true? Every line of the audit is a figure, its bound, and the samples that are worst."""
