"""How settings are declared, and read from command line, environment and file.

Knows no setting by name: those stand in edge_server/settings/.
"""
