"""Programs made for the tests, in seven languages, that the kernel refuses something: what `harden` makes of them."""
