"""The live answers on an MQTT broker. No other package knows of MQTT."""
