naru list knobs
naru list options
naru list ops | grep -oE '^(Relu|Conv) '
naru list passes | grep -c '[a-z]' | sed 's/[1-9][0-9]*/some/'
naru list kernels | grep -c '[a-z]' | sed 's/[1-9][0-9]*/some/'
naru list knobs --json
naru list oops
naru list
