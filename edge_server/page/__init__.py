"""What the pages are made of beside their templates: words, colours, a logo, and which edition."""
