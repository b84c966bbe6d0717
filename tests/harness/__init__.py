# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the demo and the scenarios are made of: certificates, a throwaway server, psql."""
