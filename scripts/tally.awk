# Reads `go test -v` and keeps what a reader wants: each package's closing line, what the failing tests of a failing
# package said (of a test with parts only the parts that failed), and at the end the number of tests. A skipped test counts as a failure: what cannot run must
# say so by failing.

/^=== / { owner = $3; next }
/^ *--- PASS: / { quiet[$3] = 1; passed++; next }
/^ *--- FAIL: / { failures++ }
/^ *--- SKIP: / { skipped++; print "skipped, which no test may be: " $3; next }

/^ok  \t/ || /^\?   \t/ { print; forget(); next }
/^FAIL\t/ { broken = 1; tell(); print; next }
/^(PASS|FAIL)$/ || /^-test\.shuffle / { next }

{ kept[++lines] = $0; said_by[lines] = owner }

function forget() {
	split("", kept); split("", said_by); split("", quiet)
	lines = 0; owner = ""
}
function tell(i) {
	for (i = 1; i <= lines; i++) if (!(said_by[i] in quiet)) print kept[i]
	forget()
}

END {
	tell()
	printf "%d passed, %d failed%s\n", passed, failures, skipped ? ", " skipped " skipped" : "" > tally
	if (broken || failures || skipped || !passed) exit 1
}
