"""report.html: the page that shows what report.json says."""
