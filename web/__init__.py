"""The page: answers and articles as HTML, with its style and script."""
