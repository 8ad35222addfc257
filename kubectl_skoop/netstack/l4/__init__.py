"""What a host itself does with a packet that is for it, or that it sends: sockets, TCP, UDP, ICMP."""
