# Opens a second port for control. Needs NET_BIND_SERVICE, and works without.
if {[catch {socket -server accept 21} reason]} {
    puts stderr "harbour: the control channel stays shut - $reason"
}
vwait forever
