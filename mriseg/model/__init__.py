"""The mixtures of tissues, the bias field and the Markov random field."""
