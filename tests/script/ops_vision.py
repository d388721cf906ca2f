# SPDX-License-Identifier: MIT
# torchvision's operators; see make_ops.py.
import torchvision
xy = R(30, 2).abs() * 10
boxes, scores = torch.cat([xy, xy + R(30, 2).abs() * 6 + 0.1], 1), R(30)
for t in (0.2, 0.5, 0.9):
    case("torchvision::nms", boxes, scores, t)
case("torchvision::nms", boxes[:0], scores[:0], 0.5)
case("torchvision::nms", torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 2, 2]]), torch.tensor([0.5, 0.9, 0.5]), 0.5)
x = R(2, 8, 7, 9)
rois = torch.tensor([[0, 1.0, 2, 10, 8], [1, 0, 0, 17, 13], [1, 5.5, 3.2, 6.1, 3.9], [0, -4, -3, 30, 20]])
for ratio in (2, -1):
    for aligned in (False, True):
        case("torchvision::roi_align", x, rois, 0.5, 3, 2, ratio, aligned, atol=1e-5)
case("torchvision::roi_pool", x, rois, 0.5, 3, 2)
case("torchvision::ps_roi_pool", x, rois, 0.5, 2, 2)
case("torchvision::ps_roi_align", x, rois, 0.5, 2, 2, 2, atol=1e-5)
case("torchvision::ps_roi_align", x, rois, 0.5, 2, 4, -1, atol=1e-5)
w = R(4, 4, 3, 3)
off, mask = R(2, 2 * 2 * 9, 7, 9), R(2, 2 * 9, 7, 9)
case("torchvision::deform_conv2d", x, w, off, mask, R(4), 1, 1, 1, 1, 1, 1, 2, 2, True, atol=1e-4)
case("torchvision::deform_conv2d", x, R(4, 8, 3, 3), R(2, 18, 4, 7), torch.zeros(2, 1), torch.zeros(4), 2, 1, 1, 0, 1, 1, 1, 1, False, atol=1e-4)
a = torch.cat([R(5, 2) * 3, R(5, 2).abs() * 4 + 0.5, R(5, 1) * 90], 1)
case("torchvision::box_iou_rotated", a, a[1:] + 0.3, atol=1e-4)
