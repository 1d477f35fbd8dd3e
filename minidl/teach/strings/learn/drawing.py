"""What stands beside the numbers of a failing case."""

WITH = "with {settings}"
YOURS = "{name}, yours"
RIGHT = "{name}, right"
MARKED = "[ ] is wrong; try it by hand"
MORE = "… and {count} more"
