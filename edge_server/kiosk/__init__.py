"""The browser of a kiosk: started when the server answers, and again when it ends or hangs.

For what no page can cure. Runs beside the server, in a process of its own.
"""
