"""mmpe studio: a web page in which a picture is edited by hand, and the server behind it."""
