"""Who has an address on a link: ARP and neighbour discovery."""
