// arrays
