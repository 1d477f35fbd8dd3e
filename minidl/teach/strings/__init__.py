"""What lessons say, as tables of strings: data, so that another language is another table."""
