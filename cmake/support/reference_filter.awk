# Shows doxygen a header as its readers take it; line numbers stay as they are. See docs/building.md, "API reference".
#   - The comment before #pragma once is about the file.
#   - An overload without a comment has the contract of the one above it, and a move assignment that of the move
#     constructor above it: they get its comment.
#   - An address like ::ffff:1.2.3.4 is no name, and specialisations of std's templates are not listed.

function declared_name(text) {
    if (text ~ /~/) return ""
    gsub(/(noexcept|requires|explicit|decltype|alignas)\(/, "", text)
    if (match(text, /operator *[^ (a-z]+ *\(/)) return substr(text, RSTART, RLENGTH - 1)
    if (match(text, /[A-Za-z_][A-Za-z_0-9]*\(/)) return substr(text, RSTART, RLENGTH - 1)
    return ""
}

function end_of_declaration(line, shown) {
    name = declared_name(line)
    if (documented) {
        contract = comment
        contract_name = name
    } else if (line ~ moved ? name ~ /operator *=/ && above ~ moved : name != "" && name == contract_name) {
        sub(/^ */, "&/**" contract " */ ", shown)
    } else {
        contract_name = ""
    }
    above = line
    comment = ""
    documented = 0
    return shown
}

function flush_held() {
    if (held != "") { print held; held = "" }
}

BEGIN { moved = "[(][A-Za-z_]+&&( [a-z]+)?[)] noexcept" } # the end of a move constructor or a move assignment

/^ *\/\/\/?/ { gsub(/::ffff/, "\\\\::ffff") }

!started {
    if (/^#pragma once/) { print "/// @file"; started = 1 }
    else { sub(/^\/\//, "///"); print }
    next
}

{ match($0, /^ */); indentation = RLENGTH }

/^ *\/\/\// {
    flush_held()
    text = $0
    sub(/^ *\/\/\/<?/, "", text)
    if (!documented) comment = ""
    comment = comment text
    documented = 1
    level = indentation
    print
    next
}

# Deeper lines are parts of a declaration or a body, further out ends the class.
/^ *$/ || indentation != level || /^ *([})#:]|\/\/|public|private|protected|requires)/ {
    if (held != "") held = held "\n" $0; else print
    next
}

/^ *template/ { held = $0; next }

/^struct std::/ {
    if (held != "") gsub(/[^\n]+/, " ", held)
    flush_held()
    print ""
    next
}

{
    if (held != "") {
        held = end_of_declaration($0, held) "\n" $0
        flush_held()
    } else {
        print end_of_declaration($0, $0)
    }
}
