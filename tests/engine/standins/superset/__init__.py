"""Stands in for Superset: reads superset_config.py and uses its database as Superset does; no Superset inside."""
