"""What `inspect` prints of a snapshot."""

from kubectl_skoop.report.inspect.overview import overview, overview_data
from kubectl_skoop.report.inspect.printer import WHATS, print_table, table_data

__all__ = ["WHATS", "overview", "overview_data", "print_table", "table_data"]
