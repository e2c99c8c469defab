# For the checkout only: a package with this file in its root would be compiled by npm at every install.
{ 'includes': ['addon/toakit.gypi'] }
