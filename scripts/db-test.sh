#!/bin/sh
# Run the tests of one version: scripts/db-test.sh v<version> [--environment NAME]
exec dblsp test "$@"
