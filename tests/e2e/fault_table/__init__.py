"""The faults: which flow fails, what its client sees, and whose setting it is."""

from tests.e2e.fault_table.bridge import BRIDGE
from tests.e2e.fault_table.netfilter import NETFILTER
from tests.e2e.fault_table.objects import OBJECTS
from tests.e2e.fault_table.pod import POD
from tests.e2e.fault_table.route import ROUTE
from tests.e2e.fault_table.service import SERVICE

FAULTS = (*POD, *BRIDGE, *ROUTE, *NETFILTER, *SERVICE, *OBJECTS)
