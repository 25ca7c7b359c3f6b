"""All copy people see, by language, and the values that name it."""
