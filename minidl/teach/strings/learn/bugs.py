"""What is said where a bug is to be found."""

WHICH = "which of the lines (1) to ({last}) is wrong? write its number: LINE = 1; then mend it"
NO_LINE = "LINE must be the number of a line, from 1 to {last}; received LINE={line}"
INNOCENT = "line {line} is right"
LOOK_ON = "line ({line}) does what it shall{why}; look on"
FOUND = "line ({line}) it is; what stands there now:"
