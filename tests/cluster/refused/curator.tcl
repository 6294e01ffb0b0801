# Gives its collection to another user. Needs CHOWN; an error in Tcl ends it.
close [open /tmp/vase w]
file attributes /tmp/vase -owner www-data
vwait forever
