"""What evalkit is made of: the locked dependencies, their licences, and a bill of materials. No part of the program."""
