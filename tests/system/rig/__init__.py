# SPDX-License-Identifier: Apache-2.0
"""What the system tests and the demo are made of: real servers, real clients, and maildest."""
