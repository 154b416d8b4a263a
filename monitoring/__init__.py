"""What watches the service: rules, dashboards, and the code that makes them."""
