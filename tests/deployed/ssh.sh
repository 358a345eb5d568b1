#!/bin/sh
# Stands for ssh: remembers what it is called with, and does here what it is told to do there.
for word; do printf '%s\0' "$word"; done >>"$FAKE_SSH_LOG"
printf '\0' >>"$FAKE_SSH_LOG"
for last; do :; done
echo "a banner, and a password: hunter2canary" >&2
case $last in
'docker system dial-stdio') exec python3 "$FAKE_SSH_RELAY" "$FAKE_DOCKER" ;;
*) echo 'what a shell prints when it starts' && exec sh -c "$last" ;;
esac
