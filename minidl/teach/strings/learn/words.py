"""What `minidl learn` says besides the texts of the steps."""

UNITS = {
    "a": "Windows",
    "b": "Columns and the adjoint",
    "c": "Convolution",
    "d": "Pooling",
    "e": "Layers, losses and a step of SGD",
    "f": "Blocks",
    "g": "Find the bug",
}

# How a step stands.
DONE = "done"
CHANGED = "done (changed)"
GIVEN_UP = "gave up"
BEGUN = "begun"
HERE = "->"  # in front of the step where the learner is
PROGRESS = "{done} of {all} steps done"
EVERYTHING = "every step is done; train a network with your own code: minidl learn train"

# What comes next.
NEXT = "next: {number}, {title}: minidl learn start {number}"
WRITTEN = "{file} is written; open it, write it, and check it: minidl learn check {number}"
HINT = "a hint: minidl learn hint {which} --of {number}"
NO_HINT = "all hints are given; the solution: minidl learn solution {number} --give-up"
CHECK = "check it: minidl learn check {number}"
NEEDS = "it uses your {file}, which is not here; write it first: minidl learn start {number}"
FIRST = "it uses your {file}, which has not passed as it is now; do that first: minidl learn check {number}"
KEPT = "the old file stays beside it: {file}"
WATCHING = "watching {folder}; every save is checked, Ctrl-C ends"
PRINTED = "printed by {file}:"
MORE_LINES = "… and {count:,} lines before these"
RIGHT = "{name}: right ({cases} cases, seed {seed}, {seconds:.2f} s)"
NOT_RIGHT = "{name}: {state} (seed {seed}, {seconds:.2f} s)"
UNKNOWN_MISTAKE = "which mistake this is, is not recognised; do this smallest case by hand"
SOLUTION_FILE = "{file} is the solution now"

# What is refused.
THERE_ALREADY = "learn: {file} is here already and stays as it is; check it: minidl learn check {number}; begin anew: minidl learn reset {number}"  # noqa: E501
FOREIGN_STATE = "learn: {file} is none of minidl learn's ({why}); move it away, or work in another folder"
NEWER_STATE = "learn: {file} was written by a newer minidl (form {form}, this one knows {known}); work with that one"
NO_FOLDER = "learn: there is no folder {folder}; make it first, or leave --dir out"
NOT_BEGUN = "learn: {file} is not here; begin with: minidl learn start {number}"
WHICH_HINT = "learn: hints are numbered 1 to 3; received {which}"
NOT_YET = "learn: the solution of {number} is shown after a pass; to see it now, which is remembered: minidl learn solution {number} --give-up"  # noqa: E501
NO_NOTEBOOK = "learn: {file} is no notebook that can be read ({why}); to begin anew: minidl learn reset {number}"
NOT_OURS = "learn: {file} was not made from the notebook {notebook}; move one of the two away"
ALL_DONE = "learn: every step is done; name one: minidl learn {verb} NAME"
NO_FUNCTION = "{file} has no {name}; it is in the skeleton: minidl learn reset keeps your file beside a new one"
ENDLESS = "does not end: stopped after {seconds:g} s"

# Notebooks.
NOTEBOOK_HEAD = "## {number}: {title}"
NOTEBOOK_NOTE = (
    "Write the body below, save the notebook (Ctrl-S), and run the last cell. The check reads the saved file, and "
    "writes your code to `{file}`, from which later steps import it."
)
FROM_NOTEBOOK = "# written from {notebook} by minidl learn check; edit the notebook, not this file"
UNSAVED = "The notebook on the disk still holds the skeleton: has it been saved (Ctrl-S)?"

# Training with the learner's functions.
NOTHING_PASSES = "learn: no function passes yet that a network could be trained with; begin with: minidl learn start"
LEFT_OUT = "left out: {number} ({state})"
TRAINING = "LeNet-5 on 1,797 digits, with {count} functions of yours: {names}"
EPOCH = "epoch {epoch:2} of {all}  loss {loss:.4f}  accuracy {accuracy:.2%}"
RAISES = "learn: {place}"
YOURS = "yours ({number})"
MINIDLS = "minidl's"
MIXED = "{accuracy:.2%} of the digits are right; {own} of the {all} kernels that this network needs are yours"
ALL_YOURS = "{accuracy:.2%} of the digits are right, and every array operation of this network is yours"

# Marking a class.
NO_CLASS = "learn report: there is no folder {folder}; it must hold one folder for each student"
EMPTY_CLASS = "learn report: {folder} holds no folder; it must hold one for each student, with their files in it"
OTHER_REPORT = (
    "learn report: {file} is what another report left unfinished (seed {seed}); finish that one, or move the file away"
)
MARKING = "marking {students} students in {folder}: {steps} steps, seed {seed}"
MARKED = "marked {done} of {all}"
WALLS = "protection that held: {walls}"
NO_WALLS = "none: this system has none of it"
WRITTEN_MARKS = "written: {files}"
CRASHED = "the interpreter crashed ({signal})"
KILLED = "stopped: it took too much time or memory"
LEFT = "the interpreter was left with exit status {status}"
UNNAMED = "wrong (which mistake is not recognised)"
STUDENT = "student"
NOT_THERE = "no file"
OVERVIEW = "The exercises of {students} students"
OVERVIEW_NOTE = "{steps} steps, drawn with the seed {seed}. Protection that held: {walls}."
STEP_RIGHT = "{right} of {all} right, {missing} without a file"
ALL_MARKS = "All marks"

# Writing steps of one's own.
NO_NAME = "learn new: {name} names no step; write a letter, a number and what it is about: h1_my_step"
TAKEN = "learn new: {number} is taken by {name}; free is {free}"
STEP_THERE = "learn new: {file} is there already and stays as it is; move it away, or take another name"
NEW_STEP = "{file} is written, a small step that works; change it, and try it:"
HOW_TO_TRY = "MINIDL_STEPS={folder} minidl learn prove {number}"
PROVED = "{name}: the skeleton fails, the solution is right, {wrong} wrong answers are named, with {seeds} seeds"
SKELETON_RIGHT = "the skeleton is right (seed {seed}): its functions must end in NotImplementedError"
SOLUTION_WRONG = "the solution is not right (seed {seed}): {said}"
NOT_NAMED = "not named: {mistake!r} (seed {seed}): {said}"
