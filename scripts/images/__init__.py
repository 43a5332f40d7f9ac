"""Stand-ins for the products' images, under the names that the charts ask for."""
