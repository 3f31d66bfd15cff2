"""From encoded image to classification. Knows nothing of HTTP."""
