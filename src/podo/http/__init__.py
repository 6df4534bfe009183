"""HTTP for both ends: servers of the API and of nodes, the client to reach them, upgrades to raw byte tunnels."""
