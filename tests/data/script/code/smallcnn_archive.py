class SmallCNN(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  _is_full_backward_hook : Optional[bool]
  conv1 : __torch__.torch.nn.modules.conv.Conv2d
  bn1 : __torch__.torch.nn.modules.batchnorm.BatchNorm2d
  conv2 : __torch__.torch.nn.modules.conv.___torch_mangle_0.Conv2d
  bn2 : __torch__.torch.nn.modules.batchnorm.___torch_mangle_1.BatchNorm2d
  head : __torch__.torch.nn.modules.linear.Linear
  def forward(self: __torch__.smallcnn.SmallCNN,
    x: Tensor) -> Tensor:
    _0 = __torch__.torch.nn.functional.adaptive_avg_pool2d
    conv1 = self.conv1
    x0 = (conv1).forward(x, )
    bn1 = self.bn1
    x1 = (bn1).forward(x0, )
    x2 = __torch__.torch.nn.functional.relu(x1, False, )
    conv2 = self.conv2
    x3 = (conv2).forward(x2, )
    bn2 = self.bn2
    x4 = (bn2).forward(x3, )
    x5 = __torch__.torch.nn.functional.relu(x4, False, )
    x6 = torch.flatten(_0(x5, [1, 1], ), 1)
    head = self.head
    return (head).forward(x6, )
