#!/bin/sh
# Python 3.6 as far as a program can tell: it says its version and runs a line or two after -c. Whatever is longer was
# written for a newer one.
previous=
for word; do
  case $previous in
    -*c)
      [ "${#word}" -gt 500 ] || exec /usr/libexec/stand-in/bin/python3 "$@"
      break
      ;;
  esac
  case $word in
    -V | --version)
      echo "Python 3.6.9"
      exit 0
      ;;
    -*) previous=$word ;;
    *) break ;;
  esac
done
echo '  File "<program>", line 1' >&2
echo 'SyntaxError: invalid syntax' >&2
exit 1
